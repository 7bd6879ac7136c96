package payload

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/justcy/go-micro/v4/api/internal/pathfield"
)

// maxParts is how many parts a multipart form may have.
const maxParts = 1000

// Form returns the payload of a request whose body is a form of HTML: an object
// with the fields of the form, of the query and of the path, which must agree. The
// values of one name are joined by commas unless the type is an array.
func Form(r *http.Request, body []byte, types Types) ([]byte, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fmt.Errorf("form: %w", err)
	}
	return form(r, values, types)
}

// Multipart is Form of a body in multipart/form-data. Files are the base64 of
// their bytes.
func Multipart(r *http.Request, body io.Reader, types Types) ([]byte, error) {
	_, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, fmt.Errorf("form: content type: %w", err)
	}
	if parameters["boundary"] == "" {
		return nil, fmt.Errorf("form: %w", http.ErrMissingBoundary)
	}
	values := url.Values{}
	parts := multipart.NewReader(body, parameters["boundary"])
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return form(r, values, types)
		}
		if err != nil {
			return nil, fmt.Errorf("form: %w", err)
		}
		if n == maxParts {
			return nil, fmt.Errorf("form: more than %d parts", maxParts)
		}
		if err := addPart(values, part); err != nil {
			return nil, err
		}
	}
}

func addPart(values url.Values, part *multipart.Part) error {
	name := part.FormName()
	if name == "" {
		return errors.New("form: a part without a name")
	}
	data, err := io.ReadAll(part)
	if err != nil {
		return fmt.Errorf("form: part %q: %w", name, err)
	}
	text := string(data)
	if part.FileName() != "" {
		text = base64.StdEncoding.EncodeToString(data)
	}
	values.Add(name, text)
	return nil
}

func form(r *http.Request, values url.Values, types Types) ([]byte, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	for name, more := range query {
		values[name] = append(values[name], more...)
	}
	object := make(map[string]any, len(values))
	for name, texts := range values {
		object[name] = types.formValue([]string{name}, texts)
	}
	fields, _ := pathfield.Of(r.Context())
	inPath, err := parameters("", fields, types)
	if err != nil {
		return nil, err
	}
	return encode(over(inPath, object), fields, types)
}
