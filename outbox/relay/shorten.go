package relay

import (
	"encoding/json"
	"maps"
	"slices"
)

// A message that a topic does not take is shortened in steps, and says so by the member
// too_large of its data.
const (
	asItIs          = iota
	withoutWarnings // all of it but the member warnings
	identityOnly    // the members that say what it is about
	lastStep        = identityOnly
)

// What a member may have to count as identity: ids, hashes, outcomes and reasons do, texts
// and lists do not.
const (
	identityBytes   = 256 // of JSON
	identityMembers = 32
)

// shorten returns data as it is in a step, and whether that is less than all of it. Data
// that is no object, or that has no warnings, goes to the last step at once.
func shorten(data json.RawMessage, step int) (json.RawMessage, int) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return json.RawMessage(`{"too_large":true}`), lastStep
	}
	if _, ok := members["warnings"]; !ok {
		step = identityOnly
	}
	delete(members, "warnings")
	if step == identityOnly {
		kept := 0
		for _, name := range slices.Sorted(maps.Keys(members)) {
			value := members[name]
			if len(value) > identityBytes || value[0] == '{' || value[0] == '[' || kept == identityMembers {
				delete(members, name)
				continue
			}
			kept++
		}
	}
	members["too_large"] = json.RawMessage("true")
	short, err := json.Marshal(members)
	if err != nil { // it was JSON a moment ago
		return json.RawMessage(`{"too_large":true}`), lastStep
	}
	return short, step
}
