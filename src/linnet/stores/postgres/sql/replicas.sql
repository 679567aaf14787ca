-- What is asked of a primary and of its replicas, to know how far these are.

-- :name find_reach () -> one
-- Whether it is a replica, how far its log reaches (of a replica: is replayed) in bytes, and which cluster it is of. Reads
-- no small table and no large one.
select pg_is_in_recovery(),
    case when pg_is_in_recovery()
        then pg_wal_lsn_diff(coalesce(pg_last_wal_replay_lsn(), '0/0'), '0/0')
        else pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')
    end::bigint,
    (select system_identifier from pg_control_system());
