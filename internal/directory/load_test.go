package directory_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/directory"
)

// More people than can be looked up in time are no fault of a directory that answers:
// it is not left alone for it.
func TestBurstOpensNoBreaker(t *testing.T) {
	t.Parallel() // it waits most of the time
	c := newCenter(t)
	c.does(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		c.answer(w, r)
	})
	said := new(logs)
	l := c.newLookup(t, func(config *directory.LookupConfig) {
		config.Concurrency, config.Timeout, config.Logger = 4, 10*time.Second, said.logger()
	})
	find(t, l, "first") // the handshake takes its time
	var all sync.WaitGroup
	for i := range 60 { // who comes last waits for 15 s
		all.Go(func() { l.Find(t.Context(), registers, fmt.Sprint("a-", i)) })
	}
	all.Wait()
	waitFor(t, "those under way have ended", func() bool {
		_, err := l.Find(t.Context(), registers, "late")
		return err == nil
	})
	if strings.Contains(said.String(), "asking") {
		t.Errorf("the directory is said to have failed:\n%s", said)
	}
}

// A directory that fails and answers by turns does not fill the log.
func TestFlappingIsToldOnce(t *testing.T) {
	c := newCenter(t)
	c.set("bad", `{"account":"bad","contracting_party":"sparkoo-zz"}`)
	said := new(logs)
	clock := newClock()
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Logger, config.Now = said.logger(), clock.now })
	for range 50 {
		if _, err := l.Find(t.Context(), registers, "bad"); !errors.Is(err, directory.ErrRecord) {
			t.Fatal(err)
		}
		clock.forward(time.Minute)
		find(t, l, "good")
	}
	if n := strings.Count(said.String(), "\n"); n == 0 || n > 12 {
		t.Errorf("%d lines:\n%s", n, said)
	}
	if _, failures := l.Status(); failures != 50 {
		t.Errorf("%d failures", failures)
	}
}

// What a directory says that is no HTTP goes into no error: it may be the account.
func TestGarbageIsNotRepeated(t *testing.T) {
	for name, said := range map[string]string{
		"no HTTP":          "person-1 is unknown\r\n\r\n",
		"status":           "HTTP/1.1 person-1\r\n\r\n",
		"field":            "HTTP/1.1 200 OK\r\nperson-1 is here\r\n\r\n",
		"length":           "HTTP/1.1 200 OK\r\nContent-Length: person-1\r\n\r\n",
		"encoding":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: person-1\r\n\r\n",
		"trailer":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\n{}\r\n0\r\nperson-1 is here\r\n\r\n",
		"redirect":         "HTTP/1.1 302 Found\r\nLocation: https://person-1.example/\r\nContent-Length: 0\r\n\r\n",
		"unasked protocol": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: person-1\r\nConnection: Upgrade\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
						io.WriteString(conn, said)
					}
					conn.Close()
				}
			}()
			url, heard := "http://"+listener.Addr().String(), new(logs)
			cache, err := directory.NewCache(url, "")
			if err != nil {
				t.Fatal(err)
			}
			l, err := directory.NewLookup(directory.LookupConfig{URL: url, Logger: heard.logger()}, cache)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Find(t.Context(), registers, "person-1"); !errors.Is(err, directory.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
			f, err := directory.NewFeed(directory.FeedConfig{URL: url, Logger: heard.logger()}, directory.NewFeedMemory(url, ""))
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Load(newTable(t)); err != nil {
				t.Fatal(err)
			}
			stop := run(t, f)
			waitFor(t, "the failure is counted", func() bool { _, failures := f.Status(); return failures > 0 })
			stop()
			if strings.Contains(heard.String(), "person") || strings.Count(heard.String(), "ERROR") != 2 {
				t.Errorf("the log:\n%s", heard)
			}
		})
	}
}

// Who joins a look-up that has been under way for longer than an answer is believed
// does not take its answer, which may be of before a change.
func TestLateJoinerAsksAgain(t *testing.T) {
	c := newCenter(t)
	clock := newClock()
	asked, goOn := make(chan struct{}, 2), make(chan struct{})
	c.does(func(w http.ResponseWriter, r *http.Request) {
		party := "sparkoo-br" // as it is when the directory is asked
		if c.asked.Load() > 1 {
			party = "sparkoo-sg"
		}
		asked <- struct{}{}
		<-goOn
		json.NewEncoder(w).Encode(map[string]string{"account": questioned(r), "contracting_party": party})
	})
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Now = clock.now })
	ask := func() chan string {
		answer := make(chan string, 1)
		go func() {
			a, err := l.Find(t.Context(), registers, "a")
			answer <- fmt.Sprint(partyOf(a), err)
		}()
		return answer
	}
	first := ask()
	<-asked
	clock.forward(6 * time.Minute) // expiry is 5
	late := ask()
	time.Sleep(20 * time.Millisecond) // it joins; if it comes later it asks anew all the same
	close(goOn)
	if got := <-first; got != "sparkoo-br<nil>" {
		t.Errorf("the first one got %s", got)
	}
	if got := <-late; got != "sparkoo-sg<nil>" {
		t.Errorf("who joined late got %s", got)
	}
}
