using Sluice.Node.Configuration;

namespace Sluice.Node.Policies;

/// <summary>How an image comes here, and why.</summary>
/// <param name="Rule">The first that matches; null: none does.</param>
/// <param name="Reasons">What the choice follows from, in the order in which it was looked at; never empty.</param>
public sealed record PullChoice(ImagePolicy? Rule, PullMode Mode, IReadOnlyList<PullReason> Reasons);

/// <param name="Id">Stable: one of <see cref="PullReasons"/>.</param>
/// <param name="What">For people.</param>
public sealed record PullReason(string Id, string What);

/// <summary>The names of reasons; docs/cli.md lists them.</summary>
public static class PullReasons
{
    /// <summary>A pattern of the configuration matches.</summary>
    public const string Rule = "rule";

    /// <summary>None does.</summary>
    public const string NoRule = "no-rule";

    /// <summary>The image has layers that can't be used before they are here: they are containerd's to bring, unless a rule says otherwise.</summary>
    public const string OrdinaryLayers = "ordinary-layers";

    /// <summary>What a start needs is known from an earlier one.</summary>
    public const string TraceKnown = "trace-known";

    /// <summary>It is not.</summary>
    public const string NoTrace = "no-trace";

    /// <summary>Too little came from the source to tell how fast it is.</summary>
    public const string LinkUnknown = "link-unknown";

    /// <summary>What a start needs is here sooner than all of the image.</summary>
    public const string StartIsFaster = "start-is-faster";

    /// <summary>All of the image is here about as soon as what a start needs.</summary>
    public const string WholeIsFaster = "whole-is-faster";
}
