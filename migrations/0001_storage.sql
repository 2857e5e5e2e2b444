-- Hashes, certificates and gzip do not compress: do not try to.
ALTER TABLE "entries" ALTER COLUMN "update_gzip" SET STORAGE EXTERNAL;
--> statement-breakpoint
ALTER TABLE "log_tiles" ALTER COLUMN "data" SET STORAGE EXTERNAL;
--> statement-breakpoint
ALTER TABLE "prefix_tiles" ALTER COLUMN "data" SET STORAGE EXTERNAL;
--> statement-breakpoint
ALTER TABLE "versions" ALTER COLUMN "value" SET STORAGE EXTERNAL;
--> statement-breakpoint
ALTER TABLE "submissions" ALTER COLUMN "value" SET STORAGE EXTERNAL;
--> statement-breakpoint
ALTER TABLE "certificates" ALTER COLUMN "der" SET STORAGE EXTERNAL;
--> statement-breakpoint
-- Rows that change state stay on their page, without new index entries.
ALTER TABLE "intents" SET (fillfactor = 70);
--> statement-breakpoint
ALTER TABLE "labels" SET (fillfactor = 90);
--> statement-breakpoint
ALTER TABLE "heads" SET (fillfactor = 20);
--> statement-breakpoint
-- Queues grow and shrink all the time: clean them early.
ALTER TABLE "submissions" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
--> statement-breakpoint
ALTER TABLE "intents" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);
