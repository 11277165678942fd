using Sluice.Formats.Oci;

namespace Sluice.Containerd.Client;

/// <summary>A name in containerd's image store and the manifest or index that it points to.</summary>
public sealed record ImageRecord(string Name, Descriptor Target, IReadOnlyDictionary<string, string> Labels);
