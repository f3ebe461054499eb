package lockfile

// pub reads pubspec.lock.
func (r *reader) pub() {
	j := r.yaml()
	if j == nil {
		return
	}
	for ok := r.object(j); ok && j.Member(); {
		if string(j.Name()) != "packages" || j.IsNull() {
			j.Skip()
			continue
		}
		for ok := j.Object(); ok && j.Member(); {
			p := pkg{typ: "pub", name: string(j.Name())}
			source := ""
			for ok := j.Object(); ok && j.Member(); {
				switch string(j.Name()) {
				case "version":
					p.version = j.Text()
				case "source":
					source = j.Text()
				default:
					j.Skip()
				}
			}
			if source == "path" || source == "sdk" {
				r.list.Local++
			} else {
				r.add(p)
			}
		}
	}
	r.end(j)
}
