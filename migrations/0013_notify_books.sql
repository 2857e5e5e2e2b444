CREATE TABLE "notify_books" (
	"log_id" integer NOT NULL,
	"label_key" "bytea" NOT NULL,
	"revision" bigint NOT NULL,
	"told_version" bigint NOT NULL,
	"due_ms" bigint,
	"sealed" "bytea" NOT NULL,
	CONSTRAINT "notify_books_pk" PRIMARY KEY("log_id","label_key"),
	CONSTRAINT "notify_books_label_key" CHECK (octet_length("notify_books"."label_key") = 32),
	CONSTRAINT "notify_books_revision" CHECK ("notify_books"."revision" > 0),
	CONSTRAINT "notify_books_sealed" CHECK (octet_length("notify_books"."sealed") <= 131072)
);
--> statement-breakpoint
CREATE INDEX "notify_books_due" ON "notify_books" USING btree ("log_id","due_ms") WHERE "notify_books"."due_ms" is not null;