package lockfile

// composer reads composer.lock.
func (r *reader) composer() {
	j := r.json()
	for ok := r.object(j); ok && j.Member(); {
		if name := string(j.Name()); name != "packages" && name != "packages-dev" {
			j.Skip()
			continue
		}
		for ok := j.List(); ok && j.Element(); {
			var name, version string
			local := false
			for ok := j.Object(); ok && j.Member(); {
				switch string(j.Name()) {
				case "name":
					name = j.Text()
				case "version":
					version = j.Text()
				case "dist":
					for ok := j.Object(); ok && j.Member(); {
						if string(j.Name()) == "type" {
							local = j.Text() == "path"
						} else {
							j.Skip()
						}
					}
				default:
					j.Skip()
				}
			}
			if local {
				r.list.Local++
				continue
			}
			p := pkg{typ: "composer", version: version}
			p.namespace, p.name = split(name)
			r.add(p)
		}
	}
	r.end(j)
}
