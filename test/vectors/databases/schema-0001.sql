CREATE TABLE "schema_migration" ("number" integer not null primary key, "name" text not null) strict;
CREATE TABLE "cluster" ("singleton" integer primary key, "id" text not null, "mode" text not null, "hash" text not null, "created_ms" integer not null) strict;
CREATE TABLE "node" ("name" text not null primary key, "created_ms" integer not null) strict;
insert into "schema_migration" ("number", "name") values (1, 'cluster');
insert into "cluster" ("singleton", "id", "mode", "hash", "created_ms") values (1, 'kept', 'mixed', 'sha1', 1790000000001);
insert into "node" ("name", "created_ms") values ('tftp.kept', 1790000000002);
