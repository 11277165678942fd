namespace Sluice.Storage.Sources.Layouts;
internal sealed class ArchiveStore(string path) { public string P => path; }
