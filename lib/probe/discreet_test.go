package probe_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"p2p/lib/probe/faulttest"
)

// A discreet report repeats no words of the remote: no banner, body, server name, close reason or raw cause.
func TestDiscreet(t *testing.T) {
	closing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.ClosePolicyViolation, "SECRET"), time.Now().Add(time.Second))
		_, _, _ = c.ReadMessage()
		c.Close()
	}))
	t.Cleanup(closing.Close)
	port := closing.URL[strings.LastIndexByte(closing.URL, ':')+1:]
	for name, target := range map[string]string{
		"banner":       faulttest.Raw(t, faulttest.Say("SSH-2.0-SECRET\r\n")),
		"status":       faulttest.Raw(t, faulttest.Answer("HTTP/1.1 418 SECRET\r\nServer: SECRET\r\nContent-Length: 6\r\n\r\nSECRET")) + "/ws",
		"broken":       faulttest.Raw(t, faulttest.Answer("HTTP/1.1 SECRET\r\n\r\n")) + "/ws",
		"wrong over s": faulttest.Raw(t, faulttest.Say("220 SECRET ESMTP\r\n")) + "/tls/ws",
		"close reason": fmt.Sprintf("/ip4/127.0.0.1/tcp/%s/ws", port),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := quick()
			for _, discreet := range []bool{false, true} {
				o.Discreet = discreet
				r := run(t, o, target)
				b, err := json.Marshal(r)
				if err != nil || r.Error == nil {
					t.Fatalf("%v %s", err, b)
				}
				if strings.Contains(string(b), "SECRET") == discreet {
					t.Errorf("discreet %v: %s", discreet, b)
				}
			}
		})
	}
}
