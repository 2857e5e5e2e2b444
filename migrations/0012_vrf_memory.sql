ALTER TABLE "labels" ADD COLUMN "label_hash" "bytea";--> statement-breakpoint
ALTER TABLE "labels" ADD COLUMN "vrf_memory" "bytea";--> statement-breakpoint
CREATE INDEX "labels_label_hash" ON "labels" USING btree ("log_id","label_hash") WHERE "labels"."label_hash" is not null;