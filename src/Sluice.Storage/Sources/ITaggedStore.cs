namespace Sluice.Storage.Sources;

/// <summary>A store that can list its tags. All stores of <see cref="ImageStores"/> can.</summary>
public interface ITaggedStore
{
    /// <summary>All tags, in the store's order.</summary>
    Task<IReadOnlyList<string>> ListTagsAsync(CancellationToken cancellation);
}
