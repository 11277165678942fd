namespace Sluice.Cli.Output;

/// <summary>How <c>sluice ls</c> shows a file.</summary>
internal enum ListingForm
{
    /// <summary>Its name.</summary>
    Short,

    /// <summary>Mode, links, owner, size and time before the name.</summary>
    Long,

    /// <summary>One JSON object a line.</summary>
    Json,
}
