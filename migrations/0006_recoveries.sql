CREATE TABLE "recoveries" (
	"log_id" integer NOT NULL,
	"label_key" "bytea" NOT NULL,
	"identity" text NOT NULL,
	"csr" "bytea" NOT NULL,
	"spki_sha256" "bytea" NOT NULL,
	"evidence" "bytea" NOT NULL,
	"state" text NOT NULL,
	"requested_ms" bigint NOT NULL,
	"notified_ms" bigint,
	"reason" text,
	CONSTRAINT "recoveries_pk" PRIMARY KEY("log_id","label_key"),
	CONSTRAINT "recoveries_label_key" CHECK (octet_length("recoveries"."label_key") = 32),
	CONSTRAINT "recoveries_spki_sha256" CHECK (octet_length("recoveries"."spki_sha256") = 32),
	CONSTRAINT "recoveries_state" CHECK ("recoveries"."state" in ('waiting', 'undecided', 'granted')),
	CONSTRAINT "recoveries_granted" CHECK (("recoveries"."state" = 'granted') = ("recoveries"."reason" is not null))
);
