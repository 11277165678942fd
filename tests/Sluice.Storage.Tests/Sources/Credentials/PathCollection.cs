namespace Sluice.Storage.Tests.Sources.Credentials;

/// <summary>Tests that put programs on the PATH of this process: one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class PathCollection
{
    public const string Name = "programs on the PATH";
}
