r.id, r.name, r.severity, r.tag, r.kev, r.epss, r.package, r.closed, r.target, r.format, r.destination, r.every_seconds, r.since, r.created_at, r.looked_at
