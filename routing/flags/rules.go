package flags

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/internal/id"
)

// Rules say for whom a flag is on. Their JSON form, that of the column rules:
//
//	{
//	  "rules": [
//	    {"if": [{"tenant": ["6f1c…", "7d20…"]}], "then": true},
//	    {"if": [{"attribute": "issuer", "equals": "https://acme.example"}], "then": false},
//	    {"if": [{"attribute": "source", "in": ["csaf", "openvex"]}, {"percentage": 25}], "then": true}
//	  ],
//	  "else": false
//	}
//
// The first rule that fits decides; one fits when all of its conditions do. A condition is one of
//
//	tenant                one of these, by their ids
//	attribute and equals  the attribute has this value
//	attribute and in      the attribute has one of these values
//	percentage            this share of the tenants, or with "of" of the values of an attribute
//
// An attribute that is not given is the empty string. A share is by a stable hash (Share): who is in
// stays in while it grows. Where no rule fits, "else" decides, which has to be there where there are rules.
// {} is on for everybody.
type Rules struct {
	rules []rule
	other bool
}

type rule struct {
	conditions []condition
	then       bool
}

// condition is one of its members.
type condition struct {
	tenants   map[id.ID]bool
	attribute string // with values, or of whose values share is
	values    map[string]bool
	share     float64 // percent; <0: none
}

// The bounds of rules: what somebody writes by hand is far below, and evaluation is cheap up to them.
const (
	maxRulesBytes = 256 << 10
	maxRules      = 100
	maxConditions = 20
	maxValues     = 5000
	maxText       = 1000
)

// RuleError says where rules are wrong.
type RuleError struct {
	Pointer string // JSON Pointer
	Err     error
}

func (e *RuleError) Error() string {
	if e.Pointer == "" {
		return "rules: " + e.Err.Error()
	}
	return "rules, " + e.Pointer + ": " + e.Err.Error()
}

func (e *RuleError) Unwrap() error { return e.Err }

func wrong(pointer, format string, args ...any) error {
	return &RuleError{pointer, fmt.Errorf(format, args...)}
}

// The JSON form. Pointers tell what is missing from what is empty.
type (
	rulesJSON struct {
		Rules []json.RawMessage `json:"rules,omitempty"`
		Else  *bool             `json:"else,omitempty"`
	}
	ruleJSON struct {
		If   []json.RawMessage `json:"if,omitempty"`
		Then *bool             `json:"then,omitempty"`
	}
	conditionJSON struct {
		Tenant     *texts   `json:"tenant,omitempty"`
		Attribute  *string  `json:"attribute,omitempty"`
		Equals     *string  `json:"equals,omitempty"`
		In         *texts   `json:"in,omitempty"`
		Percentage *float64 `json:"percentage,omitempty"`
		Of         *string  `json:"of,omitempty"`
	}
)

// texts is a list; a single text is a list of one.
type texts []string

func (t *texts) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = texts{one}
		return nil
	}
	var list []string
	if err := json.Unmarshal(b, &list); err != nil {
		return errors.New("it is a text or a list of texts")
	}
	*t = list
	return nil
}

// ParseRules reads rules. What is wrong with them is a *RuleError.
func ParseRules(text []byte) (*Rules, error) {
	if len(text) > maxRulesBytes {
		return nil, wrong("", "they have %d bytes; %d are allowed", len(text), maxRulesBytes)
	}
	if !utf8.Valid(text) || bytes.Contains(text, []byte(`\u0000`)) || bytes.IndexByte(text, 0) >= 0 {
		return nil, wrong("", "they hold what is no text")
	}
	var all rulesJSON
	if err := decode(text, &all); err != nil {
		return nil, wrong("", "%w", err)
	}
	if len(all.Rules) > maxRules {
		return nil, wrong("/rules", "there are %d; %d are allowed", len(all.Rules), maxRules)
	}
	r := &Rules{other: true}
	switch {
	case all.Else != nil:
		r.other = *all.Else
	case len(all.Rules) > 0:
		return nil, wrong("/else", `it is missing: true or false, for whoever no rule fits`)
	}
	for i, raw := range all.Rules {
		one, err := parseRule(fmt.Sprintf("/rules/%d", i), raw)
		if err != nil {
			return nil, err
		}
		r.rules = append(r.rules, one)
	}
	return r, nil
}

func parseRule(at string, raw []byte) (rule, error) {
	var in ruleJSON
	if err := decode(raw, &in); err != nil {
		return rule{}, wrong(at, "%w", err)
	}
	switch {
	case in.Then == nil:
		return rule{}, wrong(at+"/then", "it is missing: true or false")
	case len(in.If) == 0:
		return rule{}, wrong(at+"/if", `a rule without a condition fits everybody: say it with "else"`)
	case len(in.If) > maxConditions:
		return rule{}, wrong(at+"/if", "there are %d conditions; %d are allowed", len(in.If), maxConditions)
	}
	out := rule{then: *in.Then}
	for i, raw := range in.If {
		c, err := parseCondition(fmt.Sprintf("%s/if/%d", at, i), raw)
		if err != nil {
			return rule{}, err
		}
		out.conditions = append(out.conditions, c)
	}
	return out, nil
}

func parseCondition(at string, raw []byte) (condition, error) {
	var in conditionJSON
	c := condition{share: -1}
	if err := decode(raw, &in); err != nil {
		return c, wrong(at, "%w", err)
	}
	kinds := 0
	for _, there := range []bool{in.Tenant != nil, in.Attribute != nil, in.Percentage != nil} {
		if there {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return c, wrong(at, `a condition has one of "tenant", "attribute" and "percentage"; two conditions of a rule both have to fit`)
	case in.Attribute == nil && (in.Equals != nil || in.In != nil):
		return c, wrong(at, `"equals" and "in" go with "attribute"`)
	case in.Percentage == nil && in.Of != nil:
		return c, wrong(at, `"of" goes with "percentage"`)
	case in.Tenant != nil:
		return c, c.setTenants(at, *in.Tenant)
	case in.Percentage != nil:
		return c, c.setShare(at, *in.Percentage, in.Of)
	}
	return c, c.setValues(at, *in.Attribute, in.Equals, in.In)
}

func (c *condition) setTenants(at string, list texts) error {
	if len(list) == 0 || len(list) > maxValues {
		return wrong(at+"/tenant", "there are %d tenants; 1 to %d are allowed", len(list), maxValues)
	}
	c.tenants = map[id.ID]bool{}
	for i, text := range list {
		tenant, err := id.Parse(text)
		if err != nil {
			return wrong(fmt.Sprintf("%s/tenant/%d", at, i), "%w", err)
		}
		c.tenants[tenant] = true
	}
	return nil
}

func (c *condition) setShare(at string, percent float64, of *string) error {
	if !(percent >= 0 && percent <= 100) { // NaN too
		return wrong(at+"/percentage", "%v: it is 0 to 100", percent)
	}
	c.share = percent
	if of == nil {
		return nil
	}
	c.attribute = *of
	return checkAttribute(at+"/of", *of)
}

func (c *condition) setValues(at, attribute string, equals *string, in *texts) error {
	if err := checkAttribute(at+"/attribute", attribute); err != nil {
		return err
	}
	c.attribute = attribute
	var list texts
	switch {
	case (equals == nil) == (in == nil):
		return wrong(at, `with "attribute" goes one of "equals" and "in"`)
	case equals != nil:
		list = texts{*equals}
	default:
		list = *in
	}
	if len(list) == 0 || len(list) > maxValues {
		return wrong(at+"/in", "there are %d values; 1 to %d are allowed", len(list), maxValues)
	}
	c.values = map[string]bool{}
	for _, v := range list {
		if len(v) > maxText {
			return wrong(at, "a value has %d bytes; %d are allowed", len(v), maxText)
		}
		c.values[v] = true
	}
	return nil
}

var attributeName = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,62}$`)

func checkAttribute(at, name string) error {
	if !attributeName.MatchString(name) {
		return wrong(at, "%q: an attribute is up to 63 lower-case letters, digits, dots, dashes and underscores, a letter first", name)
	}
	return nil
}

// decode reads one JSON object without unknown members.
func decode(text []byte, into any) error {
	if t := bytes.TrimLeft(text, " \t\r\n"); len(t) == 0 || t[0] != '{' {
		return fmt.Errorf("%.40q is no object", text)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return fmt.Errorf("%q is of the wrong kind: %s", kind.Field, kind.Value)
		}
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the object")
	}
	return nil
}

// Attributes are what is known of what a flag is asked about, by name.
type Attributes map[string]string

// eval returns whether the flag key is on, and the number of the rule that says so, -1: none fits.
func (r *Rules) eval(key string, tenant id.ID, a Attributes) (on bool, number int) {
	for i := range r.rules {
		if r.rules[i].fits(key, tenant, a) {
			return r.rules[i].then, i
		}
	}
	return r.other, -1
}

func (r *rule) fits(key string, tenant id.ID, a Attributes) bool {
	for i := range r.conditions {
		if !r.conditions[i].holds(key, tenant, a) {
			return false
		}
	}
	return true
}

func (c *condition) holds(key string, tenant id.ID, a Attributes) bool {
	switch {
	case c.tenants != nil:
		return c.tenants[tenant]
	case c.values != nil:
		return c.values[a[c.attribute]]
	case c.attribute != "":
		return Share(key, a[c.attribute]) < c.share
	}
	return Share(key, tenant.String()) < c.share
}

// Share is where value stands among all values a flag may be asked about, from 0 to less than 100: a
// rule with a percentage fits those below it. It is the first 64 bits of the SHA-256 of key, a zero byte
// and value, as a fraction of 2^64. The key is in it so that not the same tenants are the first with every flag.
func Share(key, value string) float64 {
	buf := make([]byte, 0, 128)
	buf = append(append(append(buf, key...), 0), value...)
	sum := sha256.Sum256(buf)
	// 53 bits are what a float64 holds exactly: rounding up must not make 100 of it.
	return math.Ldexp(float64(binary.BigEndian.Uint64(sum[:8])>>11), -53) * 100
}

// attributes are the names that the rules ask for, sorted.
func (r *Rules) attributes() []string {
	names := map[string]bool{}
	for _, one := range r.rules {
		for _, c := range one.conditions {
			if c.attribute != "" {
				names[c.attribute] = true
			}
		}
	}
	out := make([]string, 0, len(names))
	for n := range names {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// nameTenants replaces the names of tenants in the JSON form by their ids: a rule goes by what never changes.
func nameTenants(text []byte, find func(string) (id.ID, error)) ([]byte, error) {
	var all rulesJSON
	if err := decode(text, &all); err != nil {
		return nil, wrong("", "%w", err)
	}
	for i, raw := range all.Rules {
		var one ruleJSON
		if err := decode(raw, &one); err != nil {
			return nil, wrong(fmt.Sprintf("/rules/%d", i), "%w", err)
		}
		for j, raw := range one.If {
			at := fmt.Sprintf("/rules/%d/if/%d", i, j)
			var c conditionJSON
			if err := decode(raw, &c); err != nil {
				return nil, wrong(at, "%w", err)
			}
			if c.Tenant == nil {
				continue
			}
			for k, name := range *c.Tenant {
				if _, err := id.Parse(name); err == nil {
					continue
				}
				tenant, err := find(name)
				if err != nil {
					return nil, wrong(fmt.Sprintf("%s/tenant/%d", at, k), "%w", err)
				}
				(*c.Tenant)[k] = tenant.String()
			}
			text, err := json.Marshal(c)
			if err != nil {
				return nil, err
			}
			one.If[j] = text
		}
		text, err := json.Marshal(one)
		if err != nil {
			return nil, err
		}
		all.Rules[i] = text
	}
	return json.Marshal(all)
}
