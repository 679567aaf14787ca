-- :name fetch (user_id, about_ids) -> many
-- What somebody noted of these people. Served by remarks_pkey.
select about_id, text from remarks where user_id = %(user_id)s and about_id = any(%(about_ids)s::bigint[]);

-- :name put (user_id, about_id, text) -> none
-- In the place of what was noted before; for nobody who is leaving. Served by remarks_pkey and users_pkey.
insert into remarks (user_id, about_id, text)
select u.id, %(about_id)s, %(text)s from users u where u.id = %(user_id)s and u.deleted_ms is null
on conflict (user_id, about_id) do update set text = excluded.text;

-- :name delete (user_id, about_id) -> none
-- Nothing is noted any more. Served by remarks_pkey.
delete from remarks where user_id = %(user_id)s and about_id = %(about_id)s;
