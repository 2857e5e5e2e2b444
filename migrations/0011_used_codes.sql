ALTER TABLE "email_challenges" ADD COLUMN "used_version" bigint;--> statement-breakpoint
ALTER TABLE "email_challenges" ADD COLUMN "used_commitment" "bytea";