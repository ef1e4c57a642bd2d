-- A shop that is open: each round places an order, moves some others on, and now and then cancels or tidies one away.
\set ON_ERROR_STOP on
set client_min_messages = warning;

do $$
declare
  placed_id bigint;
begin
  insert into orders (customer_id, status, total, placed)
  select id, 'open', 0, now()::timestamp(3) from customers order by random() limit 1
  returning id into placed_id;

  insert into order_items (order_id, line, sku, qty, price)
  select placed_id, row_number() over (), sku, 1 + (random() * 3)::int, price
  from (select sku, price from products order by random() limit 1 + (random() * 2)::int) as picked;

  update orders set total = (select sum(qty * price) from order_items where order_id = placed_id) where id = placed_id;

  update products p set stock = stock - i.qty from order_items i where i.order_id = placed_id and i.sku = p.sku;

  update orders
  set status = case status when 'open' then 'paid' when 'paid' then 'packed' else 'shipped' end,
      shipped_on = case status when 'packed' then current_date end
  where id in (select id from orders where status in ('open', 'paid', 'packed') and customer_id is not null
               order by random() limit 2);

  if random() < 0.1 then
    update orders set status = 'cancelled'
    where id = (select id from orders where status in ('open', 'paid') order by random() limit 1);
  end if;

  -- The items go with it by the cascade: their deletes are events of their own.
  if random() < 0.1 then
    delete from orders where id = (select id from orders where status in ('cancelled', 'shipped') order by id limit 1);
  end if;

  if random() < 0.05 then
    insert into customers (name, email, vip, created)
    values ('Customer of order ' || placed_id, 'customer' || placed_id || '@example.org', false, now());
  end if;
end
$$
\watch 1
