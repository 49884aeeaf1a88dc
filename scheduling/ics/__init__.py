"""Calendars of other programs: how they are written and read (RFC 5545, in `writing`, `lines`,
`reading`, `repeating`, `zones`, which know no table), what of ours leaves in them (`entries`,
`feeds`, `invite`), and what of theirs is taken in (`fetching`, `busy`)."""
