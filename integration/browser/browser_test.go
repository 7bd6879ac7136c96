package browser_test

import (
	"bufio"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
)

// patience bounds what a browser does. The machines that run this may be slow.
const patience = 4 * time.Minute

// chat runs the example with the page and returns its URL.
func chat(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "web")
	build := exec.Command("go", "build", "-o", binary, "./examples/web")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(binary, "--server_address", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the example ended with %v", err)
		}
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// browser starts Chromium with one page.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(servers.Chromium(t)),
		chromedp.NoSandbox, // which needs privileges that tests may lack
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.UserDataDir(t.TempDir()),
	)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // it closes with the test in any case
	return ctx
}

func do[T any](t *testing.T, ctx context.Context, what string, a chromedp.Action[T]) T {
	t.Helper()
	got, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return got
}

func poll(expression string) chromedp.Action[bool] {
	return chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(patience))
}

func TestABrowserChatsAndReadsAStream(t *testing.T) {
	servers.Chromium(t) // before the example is built
	url := chat(t)
	ctx := browser(t)
	do(t, ctx, "open the page", chromedp.Navigate(url+"/"))
	do(t, ctx, "wait for the WebSocket", poll(`!document.getElementById("send").disabled`))
	do(t, ctx, "type", chromedp.SendKeys(chromedp.ID("text"), "Hello from Chromium"))
	do(t, ctx, "say it", chromedp.Click(chromedp.ID("send")))
	do(t, ctx, "hear it", poll(`document.querySelector("#heard li")?.textContent === "Hello from Chromium"`))
	do(t, ctx, "start the stream", chromedp.Click(chromedp.ID("start")))
	do(t, ctx, "read it to its end", poll(`document.getElementById("ticks").textContent === "1 2 3 4 5 done"`))
}
