package lockfile

// nuget reads packages.lock.json: packages by framework.
func (r *reader) nuget() {
	j := r.json()
	for ok := r.object(j); ok && j.Member(); {
		if string(j.Name()) != "dependencies" {
			j.Skip()
			continue
		}
		for ok := j.Object(); ok && j.Member(); { // frameworks
			for ok := j.Object(); ok && j.Member(); {
				p := pkg{typ: "nuget", name: string(j.Name())}
				local := false
				for ok := j.Object(); ok && j.Member(); {
					switch string(j.Name()) {
					case "type":
						local = j.Text() == "Project"
					case "resolved":
						p.version = j.Text()
					default:
						j.Skip()
					}
				}
				if local {
					r.list.Local++
				} else {
					r.add(p)
				}
			}
		}
	}
	r.end(j)
}
