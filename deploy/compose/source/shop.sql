-- The source: a small shop, the role that Debezium reads it with, and the publication it reads.

create table customers (
  id      serial primary key,
  name    text not null,
  email   varchar(120) unique,
  vip     boolean,
  created timestamptz
);

create table products (
  sku        varchar(20) primary key,
  name       text not null,
  price      numeric(10,2) not null,
  attributes jsonb,
  stock      int
);

create table orders (
  id          bigserial primary key,
  customer_id int references customers,
  status      text not null,
  total       numeric(12,2),
  placed      timestamp(3),
  shipped_on  date,
  note        text
);

create table order_items (
  order_id bigint references orders on delete cascade,
  line     smallint,
  sku      varchar(20) not null references products on update cascade,
  qty      int not null,
  price    numeric(10,2) not null,
  primary key (order_id, line)
);

insert into customers (name, email, vip, created) values
  ('Anna Schmidt',    'anna@example.org',    true,  '2026-01-05 09:12:00+01'),
  ('Zoë O''Brien',    'zoe@example.com',     false, '2026-01-06 18:30:15.5+00'),
  ('王小明',          'xiaoming@example.cn', false, '2026-01-09 07:00:00+08'),
  ('José Núñez',      'jose@example.es',     null,  '2026-01-11 23:59:59.999999-05'),
  ('Łukasz Żółć',     'lukasz@example.pl',   true,  '2026-02-01 00:00:00+00'),
  ('Guest',           null,                  null,  null);

insert into products (sku, name, price, attributes, stock) values
  ('MUG-1',  'Coffee mug',     8.90,   '{"color": "white", "ml": 300}',              120),
  ('TEA-1',  '抹茶',           24.00,  '{"origin": "宇治", "organic": true}',        350),
  ('TEA-2',  'Earl Grey',      6.25,   '{"origin": null, "grams": 100}',             200),
  ('BOOK-1', 'L''étranger',    12.00,  '{"isbn": "9782070360024", "pages": 184}',    150),
  ('LAMP-1', 'Lamp',           39.90,  '{}',                                         80),
  ('DESK-1', 'Standing desk',  489.00, '{"kg": 38.5}',                               30),
  ('GIFT-1', 'Gift card 25 €', 25.00,  null,                                         null);

insert into orders (customer_id, status, total, placed, shipped_on, note) values
  (1,    'shipped', 26.70, '2026-03-20 10:00:00.001', '2026-03-22', null),
  (2,    'paid',    36.00, '2026-03-21 11:30:00',     null,         'please gift-wrap'),
  (3,    'open',    6.25,  '2026-03-22 00:00:00.999', null,         ''),
  (null, 'open',    null,  null,                      null,         'a cart without a customer');

insert into order_items (order_id, line, sku, qty, price) values
  (1, 1, 'MUG-1', 3, 8.90),
  (2, 1, 'TEA-1', 1, 24.00),
  (2, 2, 'BOOK-1', 1, 12.00),
  (3, 1, 'TEA-2', 1, 6.25);

-- The publication is made here, so that Debezium's role needs no rights over the tables beyond reading them.
create role debezium login replication password 'debezium';
grant usage on schema public to debezium;
grant select on all tables in schema public to debezium;
alter default privileges in schema public grant select on tables to debezium;
create publication shop for tables in schema public;
