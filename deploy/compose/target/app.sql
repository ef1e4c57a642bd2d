-- The role rowkind writes with. It needs to create its own schema `rowkind` (offsets) and the tables that are missing;
-- with `sink.create = false` and the schema made beforehand, rights on the tables alone are enough.
create role app login password 'app';
grant create on database shop to app;
grant create on schema public to app;
