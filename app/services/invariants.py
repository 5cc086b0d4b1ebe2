"""What must always hold, as SQL: any row found is a double booking, a lost text or a silence."""

from __future__ import annotations

from sqlalchemy import text

from app.actors import SYSTEM
from app.db import db, transaction
from app.row_security import UNGUARDED
from app.services.key_rotation import unknown_keys

# Source of the numbers: docs/runbook.md, "Invariants".
RULES = {
    "I1 two live uses of one bed": """
        SELECT a.id FROM bed_use a JOIN bed_use b ON b.bed_id = a.bed_id AND a.id < b.id
         WHERE a.live AND b.live AND a.during && b.during""",
    "I2 two live placements of one request": """
        SELECT referral_id FROM placement WHERE live GROUP BY referral_id HAVING count(*) > 1""",
    "I3 a live placement whose beds do not cover the household": """
        SELECT p.id FROM placement p LEFT JOIN bed_use u ON u.placement_id = p.id AND u.live
          LEFT JOIN bed b ON b.id = u.bed_id
         WHERE p.live GROUP BY p.id
        HAVING count(*) FILTER (WHERE b.kind = 'bed') < p.bed_spaces
            OR count(*) FILTER (WHERE b.kind = 'cot') < p.cots
            OR bool_or(b.room_id IS DISTINCT FROM p.room_id)""",
    "I4 a request without its audit row": """
        SELECT r.id FROM referral r WHERE NOT EXISTS (
            SELECT FROM event e WHERE e.kind = 'referral_made' AND e.referral_id = r.id)""",
    "I5 an open offer that no phone was told of": """
        SELECT p.id FROM placement p WHERE p.state IN ('offered', 'enquired') AND EXISTS (
            SELECT FROM contact c WHERE c.refuge_id = p.refuge_id
               AND c.verified_at < p.offered_at AND c.stopped_at IS NULL
               AND (c.ends_at IS NULL OR c.ends_at > p.offered_at)
               -- Not one that had stopped when the house was asked, and has started since.
               AND NOT EXISTS (SELECT FROM event e WHERE e.kind = 'contact_started'
                                  AND e.actor_contact_id = c.id AND e.at >= p.offered_at))
           AND NOT EXISTS (SELECT FROM message m WHERE m.placement_id = p.id)
           AND NOT EXISTS (SELECT FROM task t WHERE t.placement_id = p.id
                              AND t.kind = 'ring_house')""",
    "I6 an offer open a minute after its time": """
        SELECT id FROM placement WHERE state IN ('offered', 'enquired')
           AND offer_expires_at < waymark_now() - interval '60 seconds'
        UNION ALL
        SELECT id FROM placement WHERE state IN ('accepted', 'arrived', 'departed')
           AND answered_at > offer_expires_at""",
    "I7 a text held longer than its lease, or owed past its time": """
        SELECT id FROM message WHERE state = 'inflight'
           AND lease_until < clock_timestamp() - interval '90 seconds'
        UNION ALL
        SELECT id FROM message WHERE state = 'new'
           AND not_after < waymark_now() - interval '60 seconds'""",
    "I7 one text to one phone taken twice by the provider": """
        SELECT min(m.dedupe_key) FROM message m
         WHERE m.provider_sid IS NOT NULL AND m.template = 'offer'
         GROUP BY m.placement_id, m.contact_id, m.template
        HAVING m.placement_id IS NOT NULL AND count(*) > 1""",
    "I9 a received text nobody handled": """
        SELECT message_sid FROM sms_inbox WHERE handled_at IS NULL
           AND received_at < waymark_now() - interval '60 seconds'""",
    "I9 one received text that had two effects": """
        SELECT e.detail ->> 'sid' FROM event e
         WHERE e.kind = 'text_received' AND e.at > waymark_now() - interval '2 days'
         GROUP BY 1 HAVING count(*) > 1""",
    "I10 late sealing of the audit trail, ten seconds and more": """
        SELECT e.id FROM event e LEFT JOIN event_seal s ON s.event_id = e.id
         WHERE s.event_id IS NULL AND e.at < waymark_now() - interval '10 seconds'
           AND EXISTS (SELECT FROM event_seal)""",
    "I10 a break in the audit trail": """
        SELECT n.position FROM event_seal n
          LEFT JOIN event_seal s ON s.position = n.position - 1
          LEFT JOIN event e ON e.id = n.event_id
         WHERE (s.position IS NULL AND n.position > 1) OR e.id IS NULL""",
    "I10 the audit trail is behind its last anchor": """
        SELECT a.position FROM event_anchor a
          LEFT JOIN event_seal s ON s.position = a.position AND s.hash = a.hash
         WHERE s.position IS NULL AND a.position > 0""",
    "I12 a look by somebody who may not look": """
        WITH looks AS (
            SELECT v.*, u.organisation_id AS at_home, u.refuge_id AS own_refuge
              FROM event v JOIN user_account u ON u.id = v.actor_user_id
             WHERE v.kind IN ('referral_viewed', 'offer_viewed', 'stay_viewed')
               AND v.at > waymark_now() - interval '2 days')
        SELECT v.id FROM looks v JOIN referral r ON r.id = v.referral_id
         WHERE v.actor_role IN ('officer', 'force_supervisor')
           AND (r.force_id <> v.at_home
                OR (v.actor_role = 'officer' AND r.officer_id <> v.actor_user_id))
        UNION ALL
        SELECT v.id FROM looks v
         WHERE v.actor_role IN ('refuge_worker', 'refuge_manager')
           AND v.refuge_id <> v.own_refuge
        UNION ALL
        SELECT v.id FROM looks v
          JOIN LATERAL (
            SELECT d.kind, d.at FROM event d
             WHERE d.subject_user_id = v.actor_user_id AND d.id < v.id
               AND d.kind IN ('user_disabled', 'user_enabled')
             ORDER BY d.id DESC LIMIT 1) AS last ON last.kind = 'user_disabled'
         WHERE v.at > last.at + interval '10 seconds'""",
    "I11 a sealed field without its key, or a number or an address in the open": r"""
        SELECT c.id::text FROM caller c LEFT JOIN record_key k ON k.id = c.key_id
         WHERE k.id IS NULL
        UNION ALL
        SELECT c.id::text FROM contact c LEFT JOIN record_key k ON k.id = c.key_id
         WHERE k.id IS NULL
        UNION ALL
        SELECT d.id::text FROM decline_review d LEFT JOIN record_key k ON k.id = d.key_id
         WHERE k.id IS NULL AND d.outcome_sealed IS NOT NULL
        UNION ALL
        SELECT m.id::text FROM escalation_contact m LEFT JOIN record_key k ON k.id = m.key_id
         WHERE k.id IS NULL
        UNION ALL
        SELECT r.id::text FROM refuge r LEFT JOIN record_key k ON k.id = r.key_id
         WHERE k.id IS NULL
        UNION ALL
        SELECT p.id::text FROM placement p LEFT JOIN record_key k ON k.id = p.key_id
         WHERE k.id IS NULL AND p.override_note_sealed IS NOT NULL
        UNION ALL
        SELECT q.id::text FROM house_question q LEFT JOIN record_key k ON k.id = q.key_id
         WHERE k.id IS NULL AND q.note_sealed IS NOT NULL
        UNION ALL
        SELECT s.message_sid FROM sms_inbox s LEFT JOIN record_key k ON k.id = s.key_id
         WHERE k.id IS NULL AND s.body_sealed IS NOT NULL
        UNION ALL
        SELECT t.id::text FROM totp t LEFT JOIN record_key k ON k.id = t.key_id
         WHERE k.id IS NULL AND t.secret_sealed IS NOT NULL
        UNION ALL
        SELECT id::text FROM event WHERE detail::text ~ '\+[1-9][0-9]{9,14}'
        UNION ALL
        SELECT id::text FROM message WHERE variables::text ~ '\+[1-9][0-9]{9,14}'
        UNION ALL
        SELECT id::text FROM event WHERE detail::text ~* '[a-z0-9._-]+@[a-z0-9-]+\.[a-z]'
            OR detail::text ~ '\m[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2}\M'""",
    "I13 a record kept for longer than its rule": """
        SELECT referral_id FROM retention_due WHERE due_at < waymark_now() - interval '1 day'
        UNION ALL
        SELECT r.id FROM referral r JOIN tombstone t ON t.kind = 'referral' AND t.id = r.public_id
         WHERE r.purged_at IS NULL
        UNION ALL
        SELECT 0 FROM record_key k JOIN tombstone t ON t.kind = 'key' AND t.id = k.id""",
    "I14 a service role with too many rights": """
        SELECT rolname FROM pg_roles WHERE rolname IN
               ('waymark_web', 'waymark_worker', 'waymark_report')
           AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)
        UNION ALL
        SELECT tableowner FROM pg_tables WHERE tableowner IN
               ('waymark_web', 'waymark_worker', 'waymark_report')""",
    "I18 a table outside row security": UNGUARDED,
    "I15 a sign-in that its role or its age forbids": """
        SELECT id FROM sign_in WHERE last_seen_at > started_at + interval '12 hours'
        UNION ALL
        SELECT s.id FROM sign_in s JOIN user_account u ON u.id = s.user_id
         WHERE s.ended_at IS NULL AND s.how IN ('password', 'code')
           AND u.role IN ('coordinator', 'administrator', 'refuge_manager', 'data_protection_lead')
           AND EXISTS (SELECT FROM passkey p WHERE p.user_id = u.id AND p.ended_at IS NULL
                          AND p.created_at < s.started_at)""",
    "I19 a clock that ran out a minute ago and told nobody": """
        SELECT r.id FROM referral r JOIN clock_policy c ON c.id = r.clock_policy_id
          CROSS JOIN LATERAL (VALUES ('duty_manager', c.duty_manager_minutes),
                                     ('regional_manager', c.regional_manager_minutes))
                                    AS l (level, minutes)
         WHERE r.state IN ('ready', 'offered')
           AND r.waits_since + make_interval(mins => l.minutes)
               < waymark_now() - interval '60 seconds'
           AND NOT EXISTS (SELECT FROM escalation e WHERE e.referral_id = r.id
                              AND e.level = l.level AND e.runs_from = r.waits_since)""",
    "I17 women to be kept apart in one house": """
        SELECT l.a_id FROM referral_link l
          JOIN placement p ON p.referral_id = l.a_id AND p.live
          JOIN placement q ON q.referral_id = l.b_id AND q.live
         WHERE l.kind = 'apart' AND p.refuge_id = q.refuge_id""",
    "I32 a woman with two homes, or none while she is to move": """
        SELECT t.id FROM referral t JOIN placement home ON home.id = t.transfer_of_id
         WHERE t.closed_at IS NULL AND (home.state <> 'arrived') <> (t.state = 'resident')""",
    "I31 a paused request that should be awake, or has a room": """
        SELECT r.id FROM referral r LEFT JOIN pause p ON p.referral_id = r.id AND p.ended_at IS NULL
         WHERE (r.state = 'paused') <> (p.id IS NOT NULL)
            OR p.until_at < waymark_now() - interval '60 seconds'
            OR (p.id IS NOT NULL AND EXISTS (
                SELECT FROM placement l WHERE l.referral_id = r.id AND l.live))""",
    "I33 a house asked beside a promise, or held beside itself": """
        SELECT e.id FROM placement e JOIN referral r ON r.id = e.referral_id
         WHERE e.state = 'enquired' AND r.state <> 'offered'
        UNION ALL
        SELECT e.id FROM placement e JOIN placement p
            ON p.referral_id = e.referral_id AND p.refuge_id = e.refuge_id AND p.live
         WHERE e.state = 'enquired'
        UNION ALL
        SELECT e.id FROM placement e JOIN bed_use u ON u.placement_id = e.id
         WHERE e.state = 'enquired'""",
    "I16 a request whose state and placement disagree": """
        SELECT r.id FROM referral r LEFT JOIN placement p ON p.referral_id = r.id AND p.live
         WHERE (r.state = 'offered') <> EXISTS (
                SELECT FROM placement o WHERE o.referral_id = r.id
                   AND o.state IN ('offered', 'enquired'))
            OR (r.state IN ('confirmed', 'in_transit')) <> (p.state IS NOT DISTINCT FROM 'accepted')
            OR (r.state = 'resident') <> (p.state IS NOT DISTINCT FROM 'arrived')""",
}


def broken() -> dict[str, int]:
    """The rules that do not hold and how many rows break each; empty when all is well."""
    with transaction(by=SYSTEM):
        counts = {
            # nosemgrep: built-sql - each query is one of the constants above
            name: db.session.scalar(text(f"SELECT count(*) FROM ({query}) AS found"))  # noqa: S608
            for name, query in RULES.items()
        }
    counts["I11 a key of a record that no key of this service opens"] = unknown_keys()
    return {name: int(count) for name, count in counts.items() if count}
