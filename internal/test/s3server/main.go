// Command s3server is a server of S3's protocol for tests, in a module of its own: what it needs
// never reaches the product's go.mod. It keeps everything in memory, makes the bucket that it is
// given, prints its URL and ends with its standard input.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

func main() {
	store := s3mem.New()
	if err := store.CreateBucket(os.Args[1]); err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Fatal(http.Serve(l, gofakes3.New(store).Server()))
}
