using Sluice.Formats;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Node.Doctor.Facts;

/// <summary>What a registry answered.</summary>
/// <param name="Registry">As image names have it.</param>
/// <param name="Hosts">In the order in which reads ask them.</param>
/// <param name="HostsError">Its <c>hosts.toml</c> or a certificate file is wrong: nobody was asked.</param>
/// <param name="Image">An image of this node whose manifest was asked for; null: none is known.</param>
/// <param name="ImageError">What came of that.</param>
internal sealed record RegistryFacts(string Registry, IReadOnlyList<HostAnswer> Hosts, SluiceException? HostsError = null, string? Image = null, SluiceException? ImageError = null);
