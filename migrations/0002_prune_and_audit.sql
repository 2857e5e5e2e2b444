CREATE TABLE "auditor_heads" (
	"log_id" integer PRIMARY KEY NOT NULL,
	"size" bigint NOT NULL,
	"timestamp_ms" bigint NOT NULL,
	"signature" "bytea" NOT NULL,
	CONSTRAINT "auditor_heads_size" CHECK ("auditor_heads"."size" > 0)
);
--> statement-breakpoint
CREATE TABLE "prunings" (
	"log_id" integer PRIMARY KEY NOT NULL,
	"position" bigint NOT NULL,
	CONSTRAINT "prunings_position" CHECK ("prunings"."position" > 0)
);
--> statement-breakpoint
ALTER TABLE "auditor_heads" ADD CONSTRAINT "auditor_heads_log_id_logs_log_id_fk" FOREIGN KEY ("log_id") REFERENCES "public"."logs"("log_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "prunings" ADD CONSTRAINT "prunings_log_id_logs_log_id_fk" FOREIGN KEY ("log_id") REFERENCES "public"."logs"("log_id") ON DELETE no action ON UPDATE no action;