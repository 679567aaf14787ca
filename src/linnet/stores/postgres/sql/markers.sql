-- :name fetch (user_id) -> many
-- How far somebody has read, by timeline. Served by markers_pkey.
select timeline, last_read_id, version, updated_ms from markers where user_id = %(user_id)s;

-- :name put (user_id, timeline, last_read_id, now_ms) -> none
-- So far; for nobody who is leaving. Served by markers_pkey and users_pkey.
insert into markers (user_id, timeline, last_read_id, version, updated_ms)
select id, %(timeline)s, %(last_read_id)s, 1, %(now_ms)s from users where id = %(user_id)s and deleted_ms is null
on conflict (user_id, timeline) do update
    set last_read_id = excluded.last_read_id, version = markers.version + 1, updated_ms = excluded.updated_ms;
