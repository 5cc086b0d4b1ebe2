"""The rows behind the figures: counted by the database, from the ``report_*`` views only.

Every function is a step inside the caller's ``transaction(by=..., as_report=True)``. Rows keep
``region_code`` and ``in_london``, so that the same rows add up to every place named on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from app.db import db

Rows = Sequence[Row[Any]]

# A closed place counts only while somebody has it: the day of its closing is not in the view.
PLACES_NOW = """
    SELECT region_code, in_london, now_is, count(*) AS places
      FROM (SELECT p.region_code, p.in_london, p.is_open,
                   CASE WHEN u.void_id IS NOT NULL THEN 'void'
                        WHEN u.state = 'arrived' THEN 'occupied'
                        WHEN u.placement_id IS NOT NULL THEN 'held'
                        ELSE 'free' END AS now_is
              FROM report_place p
              LEFT JOIN report_use u ON u.bed_id = p.bed_id AND u.live AND u.during @> :now
             WHERE p.organisation_id = :organisation_id) AS place
     WHERE is_open OR now_is IN ('occupied', 'held')
     GROUP BY region_code, in_london, now_is"""

PLACE_NIGHTS = """
    WITH night AS (SELECT at FROM unnest(CAST(:nights AS timestamptz[])) AS n (at)),
         opened AS (SELECT * FROM unnest(CAST(:rooms AS bigint[]),
                                         CAST(:opened AS timestamptz[])) AS o (room_id, at)),
         used AS (
            SELECT u.bed_id, night.at,
                   bool_or(u.arrived_at <= night.at) AS is_slept_in,
                   bool_or(u.void_id IS NOT NULL) AS is_void
              FROM report_use u JOIN night ON u.during @> night.at
             GROUP BY u.bed_id, night.at)
    SELECT night.at, p.region_code, p.in_london,
           count(*) FILTER (WHERE used.is_slept_in) AS occupied,
           count(*) FILTER (WHERE used.is_slept_in
                               OR (p.is_open AND opened.at <= night.at
                                   AND used.is_void IS NOT TRUE)) AS open,
           count(*) FILTER (WHERE used.is_void AND used.is_slept_in IS NOT TRUE
                              AND p.is_open) AS void
      FROM report_place p
      JOIN opened USING (room_id)
      CROSS JOIN night
      LEFT JOIN used ON used.bed_id = p.bed_id AND used.at = night.at
     WHERE p.organisation_id = :organisation_id
     GROUP BY night.at, p.region_code, p.in_london"""

NIGHTS_WAITED = """
    WITH night AS (SELECT at FROM unnest(CAST(:nights AS timestamptz[])) AS n (at)),
         arrival AS (SELECT referral_id, min(arrived_at) AS at FROM report_stay
                      WHERE arrived_at IS NOT NULL GROUP BY referral_id)
    SELECT night.at, r.region_code, r.in_london, count(*) AS waited
      FROM report_referral r
      LEFT JOIN arrival USING (referral_id)
      JOIN night ON r.submitted_at <= night.at
                AND (r.closed_at IS NULL OR r.closed_at > night.at)
                AND (arrival.at IS NULL OR arrival.at > night.at)
                AND NOT EXISTS (
                    SELECT FROM report_pause p WHERE p.referral_id = r.referral_id
                       AND p.paused_at <= night.at
                       AND (p.ended_at IS NULL OR p.ended_at > night.at))
     GROUP BY night.at, r.region_code, r.in_london"""

# A referral has at most one placement in these three states: its promise or its stay.
REQUESTS = """
    SELECT r.region_code, r.in_london, r.state, s.in_london AS placed_in_london,
           s.organisation_id = :organisation_id AS is_with_us, count(*) AS requests
      FROM report_referral r
      LEFT JOIN report_stay s ON s.referral_id = r.referral_id
                             AND s.state IN ('accepted', 'arrived', 'departed')
     WHERE r.submitted_at > :since AND r.submitted_at <= :now
     GROUP BY r.region_code, r.in_london, r.state, s.in_london, is_with_us"""

OPEN_NOW = """
    SELECT region_code, in_london, state, count(*) AS requests
      FROM report_referral
     WHERE state IN ('ready', 'offered', 'confirmed', 'in_transit')
     GROUP BY region_code, in_london, state"""

PACE = """
    SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY minutes) AS median,
           percentile_disc(0.9) WITHIN GROUP (ORDER BY minutes) AS ninetieth
      FROM (SELECT CAST(floor(extract(epoch FROM confirmed_at - submitted_at) / 60) AS integer)
                   AS minutes
              FROM report_referral
             WHERE submitted_at > :since AND submitted_at <= :now
               AND state IN ('confirmed', 'in_transit', 'resident', 'moved_on')) AS promised"""

HAND_ONS = """
    SELECT who, count(*) AS people FROM report_hand_on
     WHERE created_at > :since AND created_at <= :now
     GROUP BY who ORDER BY who"""

NO_ROOM = """
    SELECT DISTINCT reason.value ->> 'code' AS code, r.referral_id
      FROM report_unmet_reason u
      JOIN report_referral r USING (referral_id)
      CROSS JOIN jsonb_array_elements(u.reasons) AS reason
     WHERE r.state = 'ready'
        OR (r.state = 'unmet' AND r.closed_at > :since AND r.closed_at <= :now)"""

# The four kinds of no, each by the kind of its reason. A silence of the days before silences had
# reasons is one too; what the desk took back or Waymark ended by itself is none.
SAID_NO = """
    SELECT coalesce(reason.kind, 'lapsed') AS kind, reason.text,
           coalesce(reason.counts_as_unmet, true) AS is_unmet, count(*) AS offers
      FROM report_stay s LEFT JOIN reason ON reason.code = s.reason_code
     WHERE s.ended_at > :since AND s.ended_at <= :now
       AND (s.state = 'lapsed'
            OR (s.state IN ('declined', 'withdrawn')
                AND reason.kind IN ('declined_by_refuge', 'declined_by_survivor',
                                    'withdrawn_by_referrer')))
     GROUP BY 1, 2, 3"""

ENDED = """
    SELECT reason.kind, reason.text, reason.counts_as_unmet AS is_unmet, count(*) AS requests
      FROM report_referral r JOIN reason ON reason.code = r.closed_reason
     WHERE r.closed_at > :since AND r.closed_at <= :now
       AND r.state IN ('withdrawn', 'not_arrived', 'unmet')
     GROUP BY reason.kind, reason.text, reason.counts_as_unmet"""

# The view leaves out what fewer than five stays have in common.
SUPPORT = """
    SELECT text, state, stays FROM report_support WHERE organisation_id = :organisation_id
     ORDER BY position, state"""

FUNDS = """
    SELECT name, source, amount_pence, bed_night_pence, starts_on, ends_on
      FROM report_fund WHERE organisation_id = :organisation_id
     ORDER BY amount_pence DESC, name, id"""


def read(query: str, **binds: Any) -> Rows:
    """The rows of one of the queries above."""
    return db.session.execute(text(query), binds).all()


def place_nights(
    organisation_id: int, nights: Sequence[datetime], opened: dict[int, datetime]
) -> Rows:
    """Nights slept in, open and out of use; ``opened`` maps each own room to when it began."""
    return read(
        PLACE_NIGHTS,
        organisation_id=organisation_id,
        nights=list(nights),
        rooms=list(opened),
        opened=list(opened.values()),
    )
