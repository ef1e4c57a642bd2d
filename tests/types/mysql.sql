-- What a person would declare in Postgres for the tables of fixtures/debezium-json/mysql/schema.sql.
create schema cdc_a;
create table cdc_a.customers (id int primary key, name varchar(60) not null, email varchar(100) unique, credit numeric(10,2), vip smallint not null, created timestamptz not null);
create table cdc_a.orders (id numeric(20) primary key, customer_id int not null, placed timestamp(3), total numeric(12,2), note text);
create table cdc_a.order_items (order_id numeric(20), line smallint, sku varchar(8), qty int, price numeric(10,4), primary key (order_id, line));
create table cdc_a.t_num (id int primary key, b1 smallint, t smallint, tu smallint, s smallint, su int, m int, mu int, i int, iu bigint, l bigint, lu numeric(20),
  d2 numeric(10,2), d65 numeric(65,30), f real, f8 double precision, bit1 boolean, bit8 bit(8), bit64 bit(64), y int);
create table cdc_a.t_text (id int primary key, c varchar(5), vc varchar(40), tx text, mt text, l1 varchar(20), e text, st text, j jsonb);
create table cdc_a.t_bin (id int primary key, b4 bytea, vb bytea, bl bytea, tb bytea, lb bytea);
create table cdc_a.t_time (id int primary key, d date, t0 interval, t3 interval, t6 interval, dt0 timestamp(0), dt3 timestamp(3), dt6 timestamp(6), ts0 timestamptz, ts6 timestamptz);
create table cdc_a.t_geo (id int primary key, p bytea, g bytea);
create table cdc_a.t_cpk (a int, b varchar(20), v text, primary key (b, a));
create table cdc_a.t_full (id int primary key, v varchar(100), w int);
create table cdc_a.t_nopk (a int primary key, b varchar(20));
create table cdc_a.t_ddl (id int primary key, a varchar(30), b int, aa varchar(60), d bigint, c timestamp(6));
create table cdc_a.t_trunc (id int primary key, v varchar(30));
create table cdc_a.t_gen (id int primary key, a int not null, s varchar(10), twice int generated always as (a * 2) stored, virt int generated always as (a + 1) stored);
create table cdc_a."Order Items" ("Id" int primary key, "Näme" varchar(20), "select" varchar(20), "a.b" int, "quo""te" varchar(20), "UPPER" smallint);
