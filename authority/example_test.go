package authority_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"sluice/authority"
)

// A route says what it takes; its handler knows who asks, and acts as him in the database.
func ExampleAuthority_Require() {
	auth, err := authority.New(nil, authority.Config{}) // with a pool of the maintainer, where there is a database
	if err != nil {
		fmt.Println(err)
		return
	}
	findings := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _ := authority.From(r.Context())
		fmt.Fprintf(w, "the findings of %s, for %s\n", who.TenantName, who.Actor.Name)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /v1/findings", auth.Require(authority.Read, "GET /v1/findings", findings))

	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/v1/findings", nil))
	fmt.Println(answer.Code, answer.Header().Get("WWW-Authenticate"))
	fmt.Print(answer.Body)
	// Output:
	// 401 Bearer realm="sluice"
	// {"error":"unauthorized","error_description":"send a token: Authorization: Bearer …"}
}

func ExampleDecision_May() {
	who := authority.Decision{Permissions: authority.Permissions([]string{"read", "decide"})}
	fmt.Println(who.May(authority.Read), who.May(authority.Admin), who.May(authority.Anyone))
	// Output: true false true
}

func ExampleStandardRoles() {
	fmt.Println(authority.StandardRoles())
	// Output: [admin analyst importer reader monitor operator]
}
