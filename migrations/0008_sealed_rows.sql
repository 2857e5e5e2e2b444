ALTER TABLE "email_challenges" ADD COLUMN "mac" "bytea";--> statement-breakpoint
ALTER TABLE "recoveries" ADD COLUMN "granted_version" bigint;--> statement-breakpoint
ALTER TABLE "recoveries" ADD COLUMN "granted_commitment" "bytea";--> statement-breakpoint
ALTER TABLE "recoveries" ADD COLUMN "mac" "bytea";--> statement-breakpoint
ALTER TABLE "submissions" ADD COLUMN "mac" "bytea";--> statement-breakpoint
ALTER TABLE "tokens" ADD COLUMN "mac" "bytea";