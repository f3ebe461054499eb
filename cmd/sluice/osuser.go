package main

import (
	"os"
	"os/user"
	"strconv"
)

// osUser is who runs the program: his login and his name. A container that was made from nothing
// knows a number only.
func osUser() (login, name string) {
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return strconv.Itoa(os.Getuid()), ""
	}
	return u.Username, u.Name
}
