package api

// The store and its images: package image.
var (
	StoreCheck   = route("/store/check")
	StoreDestroy = route("/store/destroy")
	StoreUsage   = route("/store/usage")

	ImageBuild     = route("/images/build") // a BuildRequest, then the contexts; answers with events
	ImageExport    = route("/images/export")
	ImageGet       = route("/images/get")
	ImageHistory   = route("/images/history")
	ImageImport    = route("/images/import") // the options, then the stream; answers with events
	ImageLint      = route("/images/lint")   // as ImageBuild
	ImageList      = route("/images/list")
	ImageLoad      = route("/images/load") // the options, then the archive; answers with events
	ImagePrune     = route("/images/prune")
	CachePrune     = route("/images/cache/prune")
	ImagePull      = route("/images/pull")       // answers with events
	ImagePush      = route("/images/push")       // answers with events
	ImagePushIndex = route("/images/push-index") // answers with events
	ImageRemove    = route("/images/remove")
	ImageSave      = route("/images/save") // answers with frames
	ImageTag       = route("/images/tag")
	ImageUntag     = route("/images/untag")

	// FSOpen answers with a handle, and the file system stays open as long as the answer is.
	FSOpen     = route("/images/fs")
	FSClose    = route("/images/fs/{id}/close")
	FSRead     = route("/images/fs/{id}/read")
	FSReadDir  = route("/images/fs/{id}/read-dir")
	FSReadLink = route("/images/fs/{id}/read-link")
	FSStat     = route("/images/fs/{id}/stat")
)

// Containers, volumes and networks: package container.
var (
	ContainerCreate         = route("/containers/create")
	ContainerCreateModified = route("/containers/create-modified") // upgrades
	ContainerGet            = route("/containers/get")
	ContainerList           = route("/containers/list")
	ContainerPrune          = route("/containers/prune")

	ContainerAttach      = route("/containers/{id}/attach") // upgrades
	ContainerCommit      = route("/containers/{id}/commit")
	ContainerConnect     = route("/containers/{id}/connect")
	ContainerCopyFrom    = route("/containers/{id}/copy-from") // answers with frames
	ContainerCopyTo      = route("/containers/{id}/copy-to")   // upgrades
	ContainerDial        = route("/containers/{id}/dial")      // upgrades, to pass a descriptor
	ContainerDiff        = route("/containers/{id}/diff")
	ContainerDisconnect  = route("/containers/{id}/disconnect")
	ContainerExec        = route("/containers/{id}/exec")   // upgrades, if it is not to be detached
	ContainerExport      = route("/containers/{id}/export") // answers with frames
	ContainerFork        = route("/containers/{id}/fork")
	ContainerFreeze      = route("/containers/{id}/freeze") // between agents; freezes as long as the answer is open
	ContainerHold        = route("/containers/{id}/hold")   // holds as long as the answer is open
	ContainerInspect     = route("/containers/{id}/inspect")
	ContainerKill        = route("/containers/{id}/kill")
	ContainerListen      = route("/containers/{id}/listen") // upgrades, to pass a descriptor
	ContainerLogs        = route("/containers/{id}/logs")   // answers with frames
	ContainerPause       = route("/containers/{id}/pause")
	ContainerRemove      = route("/containers/{id}/remove")
	ContainerRename      = route("/containers/{id}/rename")
	ContainerResize      = route("/containers/{id}/resize")
	ContainerRestart     = route("/containers/{id}/restart")
	ContainerResume      = route("/containers/{id}/resume")
	ContainerSocket      = route("/containers/{id}/socket") // where ContainerDial and ContainerListen are to be sent
	ContainerStart       = route("/containers/{id}/start")
	ContainerStat        = route("/containers/{id}/stat")
	ContainerStats       = route("/containers/{id}/stats")
	ContainerStop        = route("/containers/{id}/stop")
	ContainerTop         = route("/containers/{id}/top")
	ContainerUpdate      = route("/containers/{id}/update")
	ContainerWait        = route("/containers/{id}/wait")
	ContainerWaitHealthy = route("/containers/{id}/wait-healthy")

	Events = route("/events") // answers with events
	Host   = route("/host")

	NetworkCreate = route("/networks/create")
	NetworkGet    = route("/networks/get")
	NetworkList   = route("/networks/list")
	NetworkPrune  = route("/networks/prune")
	NetworkRemove = route("/networks/remove")

	VolumeCreate = route("/volumes/create")
	VolumeGet    = route("/volumes/get")
	VolumeList   = route("/volumes/list")
	VolumePrune  = route("/volumes/prune")
	VolumeRemove = route("/volumes/remove")
)
