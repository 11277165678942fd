namespace Sluice.Build.Convert;

/// <summary>A piece of work on its way through a <see cref="Pipeline{TJob}"/>. Recycled: its buffers live as long as the conversion.</summary>
internal abstract class PipelineJob
{
    public Exception? Failure { get; private set; }

    /// <summary>Released once when the work has been done.</summary>
    public SemaphoreSlim Done { get; } = new(0, 1);

    public void Run()
    {
        try
        {
            Failure = null;
            Work();
        }
        catch (Exception exception)
        {
            Failure = exception;
        }

        Done.Release();
    }

    /// <summary>What the pipeline's threads do; touches nothing but the job.</summary>
    protected abstract void Work();
}
