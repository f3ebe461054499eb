package spdx

// annotations collects the annotations of a tag-value document by what they are about.
func (t *tagReader) annotations() error {
	t.about = make(map[string]*object)
	var a element
	var target []byte
	end := func() {
		if !a.on {
			return
		}
		if len(target) == 0 {
			target = []byte(usualID)
		}
		to := t.about[string(target)]
		if to == nil {
			to = &object{}
			t.about[string(target)] = to
		}
		to.element("annotations", &a.object)
		a.reset()
		a.on, a.seen, target = false, 0, nil
	}
	warn := t.warn
	t.warn = func(string, string, string, ...any) {} // what is odd is said when everything is read
	err := t.lines(func(name, value []byte) {
		tag := tags[string(name)]
		if tag == nil || tag.scope != ofAnnotation {
			return
		}
		t.warn = warn
		defer func() { t.warn = func(string, string, string, ...any) {} }()
		if tag.begins {
			end()
			a.on = true
		}
		switch {
		case !a.on:
			t.warn("misplaced-tag", t.where(), "%s stands outside of any annotation; it is not used", name)
		case a.seen&tag.once != 0:
			t.warn("duplicate-member", t.where(), "the annotation has %s twice; the first one counts", name)
		default:
			a.seen |= tag.once
			if tag.member == "" {
				target = value
			} else {
				a.text(tag.member, value)
			}
		}
	})
	end()
	t.warn = warn
	return err
}

// annotate moves the annotations that are about id to it.
func (t *tagReader) annotate(to *object, id string) {
	if id == "" || t.about == nil {
		return
	}
	if found := t.about[id]; found != nil {
		l := to.list("annotations")
		*l = append(*l, found.lists[0].elements...)
		delete(t.about, id)
	}
}
