CREATE TABLE "crl_shards" (
	"log_id" integer PRIMARY KEY NOT NULL,
	"shards" integer NOT NULL,
	CONSTRAINT "crl_shards_shards" CHECK ("crl_shards"."shards" between 1 and 1073741824)
);
--> statement-breakpoint
ALTER TABLE "crl_shards" ADD CONSTRAINT "crl_shards_log_id_logs_log_id_fk" FOREIGN KEY ("log_id") REFERENCES "public"."logs"("log_id") ON DELETE no action ON UPDATE no action;