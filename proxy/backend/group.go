package backend

import (
	"log/slog"

	"serval/config"
)

// group.go: a primary and its replicas. Which of them serves a read is not decided here.

// Group is a primary node and its replicas.
type Group struct {
	name     string
	primary  *Node
	replicas []*Node
}

func newGroup(cfg *config.Group, log *slog.Logger) *Group {
	g := &Group{name: cfg.Name, primary: newNode(cfg.Name, &cfg.Primary, log)}
	for i := range cfg.Replicas {
		g.replicas = append(g.replicas, newNode(cfg.Name, &cfg.Replicas[i], log))
	}
	return g
}

// Name is the group's name in the configuration.
func (g *Group) Name() string { return g.name }

// Primary is the node that takes writes.
func (g *Group) Primary() *Node { return g.primary }

// Replicas are the other nodes, in the configuration's order. The slice is the Group's own.
func (g *Group) Replicas() []*Node { return g.replicas }
