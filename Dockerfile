# Serval in an image of its own: one static binary and the system's certificate authorities (for TLS to MySQL).
#   docker build -t serval . && docker run -v ./serval.yaml:/etc/serval/serval.yaml:ro -p 3307:3307 serval
# Inside a container, listeners need an address that is not loopback: listeners: [":3307"].

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /serval ./cmd/serval

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /serval /serval
USER 65532:65532
EXPOSE 3307
ENTRYPOINT ["/serval"]
CMD ["serve", "-c", "/etc/serval/serval.yaml"]
