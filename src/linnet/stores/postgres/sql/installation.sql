-- :name find (key) -> value
-- One fact about the installation. Served by installation_pkey.
select value from installation where key = %(key)s;

-- :name upsert (key, value) -> none
-- Notes one fact about the installation. Served by installation_pkey.
insert into installation (key, value) values (%(key)s, %(value)s)
on conflict (key) do update set value = excluded.value;
