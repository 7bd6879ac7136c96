package client

// The objects of the API, as far as they are used here. Their JSON is that of
// Kubernetes.

// Resource is an object that a Client works on.
type Resource struct {
	// Name of the object; empty for all of the kind.
	Name string
	// Kind in lower case and in the singular: "deployment".
	Kind string
	// Value is a pointer to an object of the kind, or to a list of them.
	Value any
}

// Metadata describes an object.
type Metadata struct {
	Name        string            `json:"name,omitempty"`
	Namespace   string            `json:"namespace,omitempty"`
	Version     string            `json:"version,omitempty"` // not one of Kubernetes'
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Namespace is a namespace.
type Namespace struct {
	Metadata *Metadata `json:"metadata,omitempty"`
}

// NamespaceList is a list of namespaces.
type NamespaceList struct {
	Items []Namespace `json:"items"`
}

// Service makes pods reachable under one address.
type Service struct {
	Metadata *Metadata      `json:"metadata"`
	Spec     *ServiceSpec   `json:"spec,omitempty"`
	Status   *ServiceStatus `json:"status,omitempty"`
}

// ServiceList is a list of services.
type ServiceList struct {
	Items []Service `json:"items"`
}

// ServiceSpec says which pods a service reaches, and how.
type ServiceSpec struct {
	ClusterIP string            `json:"clusterIP,omitempty"`
	Type      string            `json:"type,omitempty"`
	Selector  map[string]string `json:"selector,omitempty"`
	Ports     []ServicePort     `json:"ports,omitempty"`
}

// ServicePort is a port of a service.
type ServicePort struct {
	Name     string `json:"name,omitempty"`
	Port     int    `json:"port"`
	Protocol string `json:"protocol,omitempty"`
}

// ServiceStatus is the state of a service.
type ServiceStatus struct {
	LoadBalancer LoadBalancerStatus `json:"loadBalancer,omitzero"`
}

// LoadBalancerStatus is the state of a load balancer.
type LoadBalancerStatus struct {
	Ingress []LoadBalancerIngress `json:"ingress,omitempty"`
}

// LoadBalancerIngress is an address of a load balancer.
type LoadBalancerIngress struct {
	IP       string `json:"ip,omitempty"`
	Hostname string `json:"hostname,omitempty"`
}

// Deployment keeps pods running.
type Deployment struct {
	Metadata *Metadata         `json:"metadata"`
	Spec     *DeploymentSpec   `json:"spec,omitempty"`
	Status   *DeploymentStatus `json:"status,omitempty"`
}

// DeploymentList is a list of deployments.
type DeploymentList struct {
	Items []Deployment `json:"items"`
}

// DeploymentSpec says which pods are kept running.
type DeploymentSpec struct {
	Replicas int            `json:"replicas,omitempty"`
	Selector *LabelSelector `json:"selector,omitempty"`
	Template *Template      `json:"template,omitempty"`
}

// DeploymentStatus is the state of a deployment.
type DeploymentStatus struct {
	Replicas            int                   `json:"replicas,omitempty"`
	UpdatedReplicas     int                   `json:"updatedReplicas,omitempty"`
	ReadyReplicas       int                   `json:"readyReplicas,omitempty"`
	AvailableReplicas   int                   `json:"availableReplicas,omitempty"`
	UnavailableReplicas int                   `json:"unavailableReplicas,omitempty"`
	Conditions          []DeploymentCondition `json:"conditions,omitempty"`
}

// DeploymentCondition is an aspect of the state of a deployment.
type DeploymentCondition struct {
	LastUpdateTime string `json:"lastUpdateTime,omitempty"`
	Type           string `json:"type"`
	Reason         string `json:"reason,omitempty"`
	Message        string `json:"message,omitempty"`
}

// LabelSelector selects objects by the values of their labels.
type LabelSelector struct {
	MatchLabels map[string]string `json:"matchLabels,omitempty"`
}

// Template is what pods are made from.
type Template struct {
	Metadata *Metadata `json:"metadata,omitempty"`
	PodSpec  *PodSpec  `json:"spec,omitempty"`
}

// Pod is a group of containers.
type Pod struct {
	Metadata *Metadata  `json:"metadata"`
	Spec     *PodSpec   `json:"spec,omitempty"`
	Status   *PodStatus `json:"status,omitempty"`
}

// PodList is a list of pods.
type PodList struct {
	Items []Pod `json:"items"`
}

// PodSpec says what runs in a pod.
type PodSpec struct {
	Containers         []Container `json:"containers"`
	ServiceAccountName string      `json:"serviceAccountName,omitempty"`
}

// PodStatus is the state of a pod.
type PodStatus struct {
	Conditions []PodCondition    `json:"conditions,omitempty"`
	Containers []ContainerStatus `json:"containerStatuses,omitempty"`
	PodIP      string            `json:"podIP,omitempty"`
	Phase      string            `json:"phase,omitempty"`
	Reason     string            `json:"reason,omitempty"`
}

// PodCondition is an aspect of the state of a pod.
type PodCondition struct {
	Type    string `json:"type"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// Container is a container of a pod.
type Container struct {
	Name    string          `json:"name"`
	Image   string          `json:"image,omitempty"`
	Env     []EnvVar        `json:"env,omitempty"`
	Command []string        `json:"command,omitempty"`
	Args    []string        `json:"args,omitempty"`
	Ports   []ContainerPort `json:"ports,omitempty"`
}

// EnvVar is a variable of the environment.
type EnvVar struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
}

// ContainerPort is a port of a container.
type ContainerPort struct {
	Name          string `json:"name,omitempty"`
	HostPort      int    `json:"hostPort,omitempty"`
	ContainerPort int    `json:"containerPort"`
	Protocol      string `json:"protocol,omitempty"`
}

// ContainerStatus is the state of a container.
type ContainerStatus struct {
	State ContainerState `json:"state"`
}

// ContainerState has the one of the states that a container is in.
type ContainerState struct {
	Running    *Condition `json:"running,omitempty"`
	Terminated *Condition `json:"terminated,omitempty"`
	Waiting    *Condition `json:"waiting,omitempty"`
}

// Condition describes the state of a container.
type Condition struct {
	Started string `json:"startedAt,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// Secret is a secret.
type Secret struct {
	Type     string            `json:"type,omitempty"`
	Data     map[string]string `json:"data,omitempty"` // in base64
	Metadata *Metadata         `json:"metadata"`
}

// ServiceAccount is what pods act as.
type ServiceAccount struct {
	Metadata         *Metadata         `json:"metadata,omitempty"`
	ImagePullSecrets []ImagePullSecret `json:"imagePullSecrets,omitempty"`
}

// ImagePullSecret names the secret that images are pulled with.
type ImagePullSecret struct {
	Name string `json:"name"`
}
