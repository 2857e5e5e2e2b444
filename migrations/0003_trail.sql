CREATE TABLE "trail" (
	"log_id" integer NOT NULL,
	"sequence" bigint NOT NULL,
	"acts" text NOT NULL,
	"hash" "bytea" NOT NULL,
	CONSTRAINT "trail_pk" PRIMARY KEY("log_id","sequence"),
	CONSTRAINT "trail_sequence" CHECK ("trail"."sequence" >= 0),
	CONSTRAINT "trail_hash" CHECK (octet_length("trail"."hash") = 32)
);
--> statement-breakpoint
CREATE TABLE "trail_heads" (
	"log_id" integer PRIMARY KEY NOT NULL,
	"size" bigint NOT NULL,
	"hash" "bytea" NOT NULL,
	CONSTRAINT "trail_heads_size" CHECK ("trail_heads"."size" > 0),
	CONSTRAINT "trail_heads_hash" CHECK (octet_length("trail_heads"."hash") = 32)
);
--> statement-breakpoint
ALTER TABLE "submissions" ADD COLUMN "act" text;--> statement-breakpoint
ALTER TABLE "trail_heads" ADD CONSTRAINT "trail_heads_log_id_logs_log_id_fk" FOREIGN KEY ("log_id") REFERENCES "public"."logs"("log_id") ON DELETE no action ON UPDATE no action;