namespace Sluice.Node.Configuration;

/// <summary>What can be set for images: how they come here.</summary>
public enum PullPolicy
{
    /// <summary>What is read.</summary>
    Lazy,

    /// <summary>All of it, from the pull on.</summary>
    Eager,

    /// <summary>The node chooses, image by image.</summary>
    Auto,
}
