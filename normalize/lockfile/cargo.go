package lockfile

// cargo reads Cargo.lock. What has no source is a folder of the workspace.
func (r *reader) cargo() {
	for _, p := range r.toml() {
		if source, _ := p.Source.(string); source == "" {
			r.list.Local++
			continue
		}
		r.add(pkg{typ: "cargo", name: p.Name, version: p.Version})
	}
}
