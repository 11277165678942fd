using Sluice.Storage.Cache;

namespace Sluice.Node.Images;

/// <summary>What went into an archive, or came out of one.</summary>
/// <param name="Data">What is cached.</param>
/// <param name="Images">Names of the images that a node needs no registry for.</param>
/// <param name="Fault">Why there are not more of them, or null.</param>
internal sealed record CarriedImages(CacheArchiveSummary Data, IReadOnlyList<string> Images, string? Fault);
