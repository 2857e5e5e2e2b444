CREATE TABLE "acme_accounts" (
	"log_id" integer NOT NULL,
	"account_id" "bytea" NOT NULL,
	"thumbprint" "bytea" NOT NULL,
	"jwk" text NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"scope" text NOT NULL,
	"label_key" "bytea",
	"binding_hash" "bytea" NOT NULL,
	"state" text NOT NULL,
	"expires_ms" bigint NOT NULL,
	"mac" "bytea",
	CONSTRAINT "acme_accounts_log_id_account_id_pk" PRIMARY KEY("log_id","account_id"),
	CONSTRAINT "acme_accounts_key" UNIQUE("log_id","thumbprint"),
	CONSTRAINT "acme_accounts_binding" UNIQUE("log_id","binding_hash"),
	CONSTRAINT "acme_accounts_account_id" CHECK (octet_length("acme_accounts"."account_id") = 16),
	CONSTRAINT "acme_accounts_scope" CHECK (("acme_accounts"."scope" = 'name') = ("acme_accounts"."label_key" is not null))
);
--> statement-breakpoint
CREATE TABLE "acme_nonces" (
	"log_id" integer NOT NULL,
	"nonce" "bytea" NOT NULL,
	"expires_ms" bigint NOT NULL,
	CONSTRAINT "acme_nonces_log_id_nonce_pk" PRIMARY KEY("log_id","nonce"),
	CONSTRAINT "acme_nonces_nonce" CHECK (octet_length("acme_nonces"."nonce") = 16)
);
--> statement-breakpoint
CREATE TABLE "acme_orders" (
	"log_id" integer NOT NULL,
	"order_id" "bytea" NOT NULL,
	"account_id" "bytea" NOT NULL,
	"label_key" "bytea" NOT NULL,
	"identity" text NOT NULL,
	"state" text NOT NULL,
	"proof" text NOT NULL,
	"expires_ms" bigint NOT NULL,
	"csr" "bytea",
	"certificate" "bytea",
	"error_code" text,
	"mac" "bytea",
	CONSTRAINT "acme_orders_log_id_order_id_pk" PRIMARY KEY("log_id","order_id"),
	CONSTRAINT "acme_orders_order_id" CHECK (octet_length("acme_orders"."order_id") = 16)
);
--> statement-breakpoint
CREATE INDEX "acme_accounts_token" ON "acme_accounts" USING btree ("log_id","token_hash");--> statement-breakpoint
CREATE INDEX "acme_accounts_expiry" ON "acme_accounts" USING btree ("log_id","expires_ms");--> statement-breakpoint
CREATE INDEX "acme_nonces_expiry" ON "acme_nonces" USING btree ("log_id","expires_ms");--> statement-breakpoint
CREATE INDEX "acme_orders_account" ON "acme_orders" USING btree ("log_id","account_id");--> statement-breakpoint
CREATE INDEX "acme_orders_label" ON "acme_orders" USING btree ("log_id","label_key");--> statement-breakpoint
CREATE INDEX "acme_orders_expiry" ON "acme_orders" USING btree ("log_id","expires_ms");