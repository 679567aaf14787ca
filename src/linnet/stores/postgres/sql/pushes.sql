-- :name put (user_id, session_id, id, endpoint, public_key, auth, standard, alerts, policy, token, base_url, sent_id) -> none
-- The subscription of a log-in or an app, in the place of the one it had. Served by push_subscriptions_pkey.
insert into push_subscriptions (
    user_id, session_id, id, endpoint, public_key, auth, standard, alerts, policy, token, base_url, sent_id
)
values (
    %(user_id)s, %(session_id)s, %(id)s, %(endpoint)s, %(public_key)s, %(auth)s, %(standard)s, %(alerts)s, %(policy)s,
    %(token)s, %(base_url)s, %(sent_id)s
)
on conflict (user_id, session_id) do update
    set id = excluded.id, endpoint = excluded.endpoint, public_key = excluded.public_key, auth = excluded.auth,
        standard = excluded.standard, alerts = excluded.alerts, policy = excluded.policy, token = excluded.token,
        base_url = excluded.base_url, sent_id = excluded.sent_id, due_ms = null, held_ms = 0, calm_ms = 0, failures = 0,
        failing_ms = null;

-- :name change (user_id, session_id, alerts, policy) -> value
-- Of what, and by whom, it is told; nothing when there is none. What is null stays. Served by push_subscriptions_pkey.
update push_subscriptions
set alerts = coalesce(%(alerts)s::text, alerts), policy = coalesce(%(policy)s::text, policy)
where user_id = %(user_id)s and session_id = %(session_id)s
returning id;

-- :name find (user_id, session_id) -> one
-- That of a log-in or an app. Served by push_subscriptions_pkey.
select user_id, session_id, id, endpoint, public_key, auth, standard, alerts, policy
from push_subscriptions
where user_id = %(user_id)s and session_id = %(session_id)s;

-- :name delete (user_id, session_id) -> none
-- Ends one. Served by push_subscriptions_pkey.
delete from push_subscriptions where user_id = %(user_id)s and session_id = %(session_id)s;

-- :name delete_ended (user_id) -> none
-- Ends those of log-ins that are over. Served by push_subscriptions_pkey and sessions_pkey.
delete from push_subscriptions p
where p.user_id = %(user_id)s
    and not exists (select from sessions s where s.user_id = p.user_id and s.id = p.session_id);

-- :name delete_orphans (page_size) -> none
-- Some whose log-ins nobody used for long, so that they were deleted. A bounded scan, run by the pruner.
delete from push_subscriptions where (user_id, session_id) in (
    select p.user_id, p.session_id from push_subscriptions p
    where not exists (select from sessions s where s.user_id = p.user_id and s.id = p.session_id)
    limit %(page_size)s
);

-- :name mark_due (user_ids, hurried_ids, now_ms) -> none
-- These people were told something; of those who hurry, something that does not come by hundreds. Served by
-- push_subscriptions_pkey.
update push_subscriptions
set due_ms = least(
    due_ms,
    case when user_id = any(%(hurried_ids)s::bigint[]) then %(now_ms)s::bigint else greatest(%(now_ms)s::bigint, calm_ms) end
)
where user_id = any(%(user_ids)s::bigint[]);

-- :name claim (now_ms, held_ms, page_size) -> many
-- Some for which something may wait and that nobody holds; nobody else has them until then. Of several who ask at once each
-- gets others. Served by push_subscriptions_due.
update push_subscriptions p
set due_ms = %(held_ms)s::bigint, held_ms = %(held_ms)s::bigint
where (p.user_id, p.session_id) in (
    select d.user_id, d.session_id from push_subscriptions d
    where d.due_ms <= %(now_ms)s and d.held_ms <= %(now_ms)s
    order by d.due_ms
    limit %(page_size)s
) and p.due_ms <= %(now_ms)s and p.held_ms <= %(now_ms)s
returning p.user_id, p.session_id, p.id, p.endpoint, p.public_key, p.auth, p.standard, p.alerts, p.policy, p.token,
    p.base_url, p.sent_id, p.held_ms, p.failures, p.failing_ms;

-- :name find_read_id (user_id, session_id, id, held_ms, unused_since_ms) -> value
-- Up to which notification its person has read; nothing when it, its log-in or the hold on it is over. Served by
-- push_subscriptions_pkey, sessions_pkey and notification_states_pkey.
select coalesce((select n.read_id from notification_states n where n.user_id = %(user_id)s), 0)
from push_subscriptions p
join sessions s on s.user_id = p.user_id and s.id = p.session_id
where p.user_id = %(user_id)s and p.session_id = %(session_id)s and p.id = %(id)s and p.held_ms = %(held_ms)s
    and s.user_id = %(user_id)s and s.last_used_ms > %(unused_since_ms)s;

-- :name advance (user_id, session_id, id, held_ms, sent_id) -> none
-- All up to there is done, and the service answers. Served by push_subscriptions_pkey.
update push_subscriptions
set sent_id = greatest(sent_id, %(sent_id)s), failures = 0, failing_ms = null
where user_id = %(user_id)s and session_id = %(session_id)s and id = %(id)s and held_ms = %(held_ms)s;

-- :name settle (user_id, session_id, id, held_ms, sent_id, due_ms, free_ms, calm_ms) -> none
-- Lets it go. What came meanwhile keeps it due; otherwise it is due at that time, or not at all. Served by
-- push_subscriptions_pkey.
update push_subscriptions
set sent_id = greatest(sent_id, %(sent_id)s), calm_ms = greatest(calm_ms, %(calm_ms)s), held_ms = %(free_ms)s,
    due_ms = least(case when due_ms < held_ms then due_ms end, %(due_ms)s::bigint)
where user_id = %(user_id)s and session_id = %(session_id)s and id = %(id)s and held_ms = %(held_ms)s;

-- :name postpone (user_id, session_id, id, held_ms, until_ms, now_ms) -> none
-- The service did not take it: nobody asks it again before then. Served by push_subscriptions_pkey.
update push_subscriptions
set held_ms = %(until_ms)s, due_ms = %(until_ms)s, failures = failures + 1, failing_ms = coalesce(failing_ms, %(now_ms)s)
where user_id = %(user_id)s and session_id = %(session_id)s and id = %(id)s and held_ms = %(held_ms)s;

-- :name drop (user_id, session_id, id, held_ms) -> none
-- Ends this one, and neither the one that came in its place nor one that others hold. Served by push_subscriptions_pkey.
delete from push_subscriptions
where user_id = %(user_id)s and session_id = %(session_id)s and id = %(id)s and held_ms = %(held_ms)s;

-- :name count_late (late_seconds) -> value
-- For how many something waits for so long, and nobody has said to wait longer. Served by push_subscriptions_due.
select count(*)
from push_subscriptions
where due_ms < (extract(epoch from now()) - %(late_seconds)s::float8) * 1000
    and held_ms < (extract(epoch from now()) - %(late_seconds)s::float8) * 1000;
