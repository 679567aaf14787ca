-- :name find (key) -> value
-- One fact about the installation. Served by installation_pkey.
select value from installation where key = %(key)s;

-- :name upsert (key, value) -> none
-- Notes one fact about the installation. Served by installation_pkey.
insert into installation (key, value) values (%(key)s, %(value)s)
on conflict (key) do update set value = excluded.value;

-- :name insert_absent (key, value) -> none
-- Notes a fact that is noted once and never changed. Served by installation_pkey.
insert into installation (key, value) values (%(key)s, %(value)s) on conflict (key) do nothing;
