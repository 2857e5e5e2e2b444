CREATE TABLE "email_challenges" (
	"log_id" integer NOT NULL,
	"challenge_id" "bytea" NOT NULL,
	"label_key" "bytea" NOT NULL,
	"spki_sha256" "bytea" NOT NULL,
	"code_hash" "bytea" NOT NULL,
	"created_ms" bigint NOT NULL,
	"expires_ms" bigint NOT NULL,
	"attempts" integer NOT NULL,
	CONSTRAINT "email_challenges_log_id_challenge_id_pk" PRIMARY KEY("log_id","challenge_id"),
	CONSTRAINT "email_challenges_challenge_id" CHECK (octet_length("email_challenges"."challenge_id") = 16),
	CONSTRAINT "email_challenges_label_key" CHECK (octet_length("email_challenges"."label_key") = 32),
	CONSTRAINT "email_challenges_spki_sha256" CHECK (octet_length("email_challenges"."spki_sha256") = 32),
	CONSTRAINT "email_challenges_code_hash" CHECK (octet_length("email_challenges"."code_hash") = 32)
);
--> statement-breakpoint
CREATE INDEX "email_challenges_label" ON "email_challenges" USING btree ("log_id","label_key");--> statement-breakpoint
CREATE INDEX "email_challenges_created" ON "email_challenges" USING btree ("log_id","created_ms");