-- One line about the shop; the same on both sides.
select count(to_regclass(t)) as n, count(to_regclass(t)) = 4 as ready from unnest(array['customers', 'products', 'orders', 'order_items']) as t
\gset
\if :ready
select format('customers %s, products %s, orders %s (%s), order_items %s, turnover %s',
  (select count(*) from customers),
  (select count(*) from products),
  (select count(*) from orders),
  (select string_agg(n || ' ' || status, ', ' order by status) from (select status, count(*) as n from orders group by status) as s),
  (select count(*) from order_items),
  (select sum(total) from orders));
\else
\echo :n of 4 tables yet
\endif
